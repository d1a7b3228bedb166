//! Weights, in thousandths of a bit, as `concord bench match --fit` prints them; see docs/matching.md. Not edited by hand.

use super::assign::Rivals;
use super::model::Weights;

/// Two records of kind `company`.
pub(super) const COMPANY: Weights<'static> = Weights {
    prior: -3499,
    curves: &[
        // spelling
        &[-196, -2826, -2993, -2313, -2122, -472, 1576, 2746, 2969, 3630],
        // words
        &[-1479, -2110, -1219, 383, 1593, 954, 203, 366, 290, 1020],
        // share
        &[2295, 1583, 972, 72, -109, -276, -929, -1646, -1191, -771],
        // shared bits
        &[246, -1046, -2403, -2528, 461, 2309, 1108, 1852],
        // leftover of one
        &[1958, 1606, 1294, -241, -1342, -1364, -1910],
        // leftover of both
        &[1932, 1413, 930, -737, -1186, -840, -1513],
        // sister words
        &[-284, -216, 499],
        // rarest leftover
        &[418, 27, -393, -983, 108, -517, 1340],
        // quality
        &[-266, -273, -265, 73, 732],
        // relation
        &[-1655, -859, -354, -25, 1111, 1782],
        // legal form
        &[-827, 579, 248],
        // numbers
        &[627, -509, -536, 418],
        // first word
        &[93, 218, -311],
        // letters
        &[-134, 46, 564, 454, 589, -396, -342, -781],
        // beginning
        &[-1974, -1053, 623, -72, 366, 2111],
        // acronym
        &[-1957, 1957],
        // other name
        &[1, 0, -1],
        // namesakes
        &[3603, -1250, -1191, -1162],
        // city
        &[-1295, -293, 111, 518, 504, 455],
        // state
        &[-2813, -756, 179, 1118, 2272],
        // country
        &[-88, -98, 186],
        // domain
        &[-1772, -150, -356, -571, 2848],
        // telephone
        &[-1689, -113, -656, 2458],
        // street
        &[-2117, -591, 105, 2603],
        // postal code
        &[792, 270, -1062],
    ],
};

/// Such a pair among its rivals.
pub(super) const COMPANY_AMONG_RIVALS: Weights<'static> = Weights {
    prior: 673,
    curves: &[
        // evidence
        &[-11630, -8601, -5134, -2158, -1984, 303, 912, 2042, 2946, 1996, 2879, 5297, 6523, 6607],
        // nearer rival
        &[-8139, -4328, -308, -2038, -2589, -76, 591, 1697, 3963, 4149, 7079],
        // farther rival
        &[-1093, -424, 535, 1461, 278, 962, -548, 424, -114, -467, -1013],
    ],
};

/// The same with what it was fitted on.
pub(super) const COMPANY_RIVALS: Rivals<'static> = Rivals { weights: COMPANY_AMONG_RIVALS, right_share: 901 };

/// Two records of kind `goods`.
pub(super) const GOODS: Weights<'static> = Weights {
    prior: -7069,
    curves: &[
        // spelling
        &[-3180, -3079, -2589, -1993, -560, 1081, 1432, 1849, 2669, 1656, 2714],
        // words
        &[-1544, -2062, -1637, -227, -545, 428, 672, 194, 781, 2090, 1851],
        // share of the fuller
        &[360, 394, 909, 93, -378, -953, -1079, -1018, 161, 325, 1186],
        // share of the shorter
        &[-146, 181, -433, -1084, -172, -298, 100, -229, 141, 794, 1146],
        // shared bits
        &[-2027, -1859, -723, 222, 329, 1455, 1130, 1472],
        // leftover of one
        &[555, -414, -472, 756, 114, 67, -605],
        // leftover of both
        &[88, 140, -568, 84, 132, 107, 17],
        // model number
        &[-1904, -856, 1100, 1423, -1734, -1336, 3306],
        // model spelled
        &[-1334, -1098, -577, 219, 841, 1949],
        // part number
        &[-2939, -2466, 976, 25, 4404],
        // numbers in common
        &[-204, -376, 59, 520],
        // numbers against
        &[1449, 361, -765, -1046],
        // numbers of one
        &[238, -237, -225, 223],
        // editions against
        &[1796, -768, -1028],
        // editions of one
        &[1172, 72, -672, -573],
        // color
        &[-2562, 504, 2059],
        // maker
        &[-1780, 896, 884],
        // price
        &[1032, 1807, 1630, 913, -691, -1959, -2731],
        // letters
        &[1808, 1614, 789, 430, -217, -831, -1234, -1094, -1264],
        // first word
        &[44, -44],
        // description
        &[-2404, -1134, -707, -104, 1052, 345, 1447, 1505],
        // namesakes
        &[1230, -798, -218, -215],
        // slip
        &[905, 392, -433, -865],
    ],
};

/// Such a pair among its rivals.
pub(super) const GOODS_AMONG_RIVALS: Weights<'static> = Weights {
    prior: -1065,
    curves: &[
        // evidence
        &[-10308, -7508, -4132, -3349, -456, -626, 1166, 1713, 2181, 2706, 4225, 4432, 4998, 4956],
        // nearer rival
        &[-5714, -3173, -2307, -1593, -981, -210, 1378, 1589, 3256, 3834, 3922],
        // farther rival
        &[-3448, -2106, -277, 751, 2153, 221, 1445, 669, 1371, -33, -747],
    ],
};

/// The same with what it was fitted on.
pub(super) const GOODS_RIVALS: Rivals<'static> = Rivals { weights: GOODS_AMONG_RIVALS, right_share: 724 };

/// Two records of kind `licenses`.
pub(super) const LICENSES: Weights<'static> = Weights {
    prior: -10610,
    curves: &[
        // spelling
        &[-2080, -877, 279, -132, 772, 2038],
        // words
        &[-1208, -872, -615, 790, 1034, 871],
        // letters
        &[76, 190, -473, -690, -331, 1226],
        // share of the fuller
        &[256, 327, 583, -45, -573, -548],
        // share of the shorter
        &[-531, -488, 21, 69, 143, 786],
        // shared bits
        &[-310, -80, 713, 359, -682],
        // leftover of one
        &[404, 403, 139, -9, -937],
        // leftover of both
        &[521, -76, -133, -162, -149],
        // editions of one
        &[182, 122, -304],
        // editions against
        &[358, -358],
        // plan
        &[-1168, 75, 658, 435],
        // segment
        &[-2058, -1570, 1503, 2125],
        // qualifiers
        &[919, -605, -314],
        // numbers
        &[-1915, -390, 1405, 899],
        // term
        &[-4985, -2110, 722, 2345, 4027],
        // vendor
        &[179, 187, -367],
        // renamed
        &[-171, -107, 278],
        // same facts
        &[-1601, 1601],
        // price
        &[2062, 897, 951, -446, -1600, -1863],
        // namesakes
        &[639, -323, -315],
    ],
};

/// Such a pair among its rivals.
pub(super) const LICENSES_AMONG_RIVALS: Weights<'static> = Weights {
    prior: 241,
    curves: &[
        // evidence
        &[-4297, -4245, -3079, -2481, -1962, -555, 1444, 2660, 2360, 2330, 2174, 1985, 1863, 1803],
        // nearer rival
        &[-8090, -3863, -2580, -22, -702, -171, 867, 829, 2912, 5353, 5468],
        // farther rival
        &[-2125, -1523, 175, 308, 54, 925, 1012, 437, 146, -469, 1060],
    ],
};

/// The same with what it was fitted on.
pub(super) const LICENSES_RIVALS: Rivals<'static> = Rivals { weights: LICENSES_AMONG_RIVALS, right_share: 868 };
